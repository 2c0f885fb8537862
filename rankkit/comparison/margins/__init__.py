"""The margin sweep: one encoder trained with many margins."""
