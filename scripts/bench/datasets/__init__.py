"""Public data sets, one file each: fetched once, kept as (training, test) NPZ files."""
