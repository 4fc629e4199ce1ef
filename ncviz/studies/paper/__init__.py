"""The paper's experiments by name: what they measure, measuring it step by step, and the report."""
