"""What tools and locators share: methods on pixels, each a file; nothing here knows of a tool."""
