"""Extensions of the logger protocol."""
