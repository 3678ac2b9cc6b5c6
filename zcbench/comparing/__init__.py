"""Two runs or many: what may be compared, differences with intervals, change points, history."""
