"""The fake's own surface, under /__mock__/."""
