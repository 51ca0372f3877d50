"""What the shop sells."""

# SKU, name, price in cents, discount in percent, last day of the discount.
CATALOGUE = (
    ("SKU-1001", "Earl Grey, 250 g", 790, 0, None),
    ("SKU-1002", "Filter coffee, 500 g", 1149, 10, "2031-12-31"),
    ("SKU-1003", "Rye bread", 425, 0, None),
    ("SKU-1004", "Olive oil, 1 l", 1395, 0, None),
    ("SKU-1005", "Sea salt, 500 g", 215, 0, None),
    ("SKU-1006", "Honey, 500 g", 895, 15, None),
    ("SKU-1007", "Dark chocolate", 349, 0, None),
    ("SKU-1008", "Oat biscuits", 279, 20, None),
    ("SKU-1009", "Tomatoes, tin", 145, 0, None),
    ("SKU-1010", "Spaghetti, 1 kg", 239, 0, None),
    ("SKU-1011", "Parmesan, 300 g", 879, 10, None),
    ("SKU-1012", "Gift card", 2500, 0, None),
)
