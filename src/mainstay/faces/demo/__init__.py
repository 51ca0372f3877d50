"""The demo: the corner shop, Mainstay watching it, and a mailbox for the people who are paged."""
