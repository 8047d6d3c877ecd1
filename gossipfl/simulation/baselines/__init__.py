"""What others have published, one file each, under the same clock, links and judges as ours."""
