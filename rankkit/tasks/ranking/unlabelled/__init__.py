"""What a network learns from documents without labels: views of them, heads that are thrown away, the job."""
