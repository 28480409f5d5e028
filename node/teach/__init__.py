"""Teaching: from pictures of parts to the model file of a tool or of the locator."""

from node.teach.lesson import Lesson, Picture, teach

__all__ = ["Lesson", "Picture", "teach"]
