"""What is personal data: columns and free text, in French and English. Presidio is the engine."""
