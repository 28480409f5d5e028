"""What knows pixels, behind one seam: a worker looks at the parts of one station."""
