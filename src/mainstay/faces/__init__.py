"""Where people and programs come in. No rule of the work lives here."""
