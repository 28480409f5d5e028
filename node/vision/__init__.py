"""What tools and locators share: methods on pixels, one to a file; nothing here knows about
tools."""
