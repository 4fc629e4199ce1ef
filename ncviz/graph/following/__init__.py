"""What single operations of a trace make of units and sums: joins, norms, gates, and functions that are written out."""
