"""What a run costs: bypeer and its peers on the same captures, in one go (`python -m bench`)."""
