"""What flows: data sets of queries and of labelled examples, batches, and what is made of them."""
