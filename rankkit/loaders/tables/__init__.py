"""Tables: pandas, polars, Arrow, Parquet, CSV, arrays; the one rule for their columns."""
