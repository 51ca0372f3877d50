"""The scenarios on the demo shop. Each breaks something real; none names its cause in the story."""

from mainstay.learn.drills.domain import Culprit, Decoy, Deed, Hint, Scenario

_ORDERS_DATABASE = Culprit(("orders",), "a report holds the write lock of the orders database nearly all the time")
_ACQUIRER = Culprit(("provider", "payments"), "the acquirer takes longer than payments waits for it")
_DISK = Culprit(("payments",), "a heap dump has used up the disk on which receipts are written")
_CERTIFICATE = Culprit(("storefront",), "the storefront has a certificate that ends within two days")
_MEMORY = Culprit(("storefront",), "the storefront keeps every page that it renders")
_BATCH = Culprit(("settlement",), "an export holds the lock of the ledger, and the settlement waits for it")
_RELEASE = Culprit(("stock",), "stock 4.1.8 fails for products whose discount has no last day")
_QUEUE = Culprit(("orders",), "a truncated message at the head of the queue is tried again for ever")
_ROWS = Culprit(("payments", "provider"), "amounts are confirmed without their cents, and recorded so")
_TIMEOUT = Culprit(("payments",), "the time that payments waits for its provider was set to 35 ms")

_LOOK_AT_INCIDENT = Hint("Open the incident: the first alert says what was measured, and on which service.", 3)


def _of_shop(*faults: str) -> Deed:
    return Deed(faults=faults)


def _scenario(
    key: str,
    name: str,
    level: str,
    story: str,
    skills: tuple[str, ...],
    culprits: tuple[Culprit, ...],
    explanation: str,
    faults: tuple[str, ...],
    hints: tuple[Hint, ...],
    decoy: Decoy | None = None,
) -> Scenario:
    return Scenario(
        key, name, level, story, skills, culprits, explanation, _of_shop(*faults), _of_shop(*faults), hints, decoy
    )


SHOP: tuple[Scenario, ...] = (
    _scenario(
        "full-disk",
        "Receipts that nobody gets",
        "joiner",
        "Monday, 09:10. A customer writes that the checkout ends with an error page. You are on call, and alone.",
        ("metrics", "runbooks", "business"),
        (_DISK,),
        "Payments cannot write receipts, so every charge fails after it was made. The disk filled in one step, which "
        "no traffic does. The runbook for the disk shows the largest files and removes the dump.",
        ("full-disk",),
        (
            _LOOK_AT_INCIDENT,
            Hint("ENOSPC in a log line is the name of an error of the operating system. Look it up.", 5),
            Hint("There is a runbook for a disk that is nearly full.", 8),
        ),
    ),
    _scenario(
        "certificate-expiry",
        "Two days until the lock breaks",
        "joiner",
        "Friday, 16:30. Nothing is broken, and an alert fires all the same. Everybody wants to go home.",
        ("metrics", "logs"),
        (_CERTIFICATE,),
        "The certificate of the storefront was replaced by one that lasts 36 hours. Nobody is hit now; on Sunday "
        "everybody will be. It is rotated before the weekend, and the alert is not silenced.",
        ("certificate-expiry",),
        (_LOOK_AT_INCIDENT, Hint("The metric is a moment. Work out what day it is.", 5)),
    ),
    _scenario(
        "memory-leak",
        "It only goes up",
        "joiner",
        "Tuesday, 14:00. Pages load as always. A graph does not look as always.",
        ("metrics", "changes"),
        (_MEMORY,),
        "The storefront keeps every page that it renders, since a setting tells it to. Restarting helps for minutes; "
        "switching the setting off and restarting helps.",
        ("memory-leak",),
        (_LOOK_AT_INCIDENT, Hint("Look at the configuration of the storefront as it was an hour ago.", 8)),
    ),
    _scenario(
        "payment-timeouts",
        "The card machine thinks about it",
        "responder",
        "Saturday, 11:55, the busiest hour. Half of the customers pay, half see a message that it took too long.",
        ("logs", "topology", "business"),
        (_ACQUIRER,),
        "The acquirer answers too late for what payments waits. Nothing in the house has changed. The known error says "
        "whom to call; the business hears that cards fail and since when.",
        ("payment-timeouts",),
        (
            _LOOK_AT_INCIDENT,
            Hint("Compare how long payments waits with how long its provider takes.", 5),
            Hint("A known error fits. Its workaround is a telephone call.", 8),
        ),
    ),
    _scenario(
        "slow-database",
        "Everything is a little slow",
        "responder",
        "Wednesday, 10:20. The checkout takes a second longer than it should. No error anywhere, says a colleague.",
        ("metrics", "logs", "topology"),
        (_ORDERS_DATABASE,),
        "A report holds the write lock of the orders database. The storefront shows the pain, orders has it. The log "
        "of jobs names the report; ending it helps at once.",
        ("slow-database",),
        (
            Hint("Who calls whom? The service that is slow to its callers need not be slow by itself.", 5),
            Hint("Search for slow queries, and for what began just before the first of them.", 8),
        ),
    ),
    _scenario(
        "bad-release",
        "Some products are cursed",
        "responder",
        "Thursday, 15:05. Some pages of products fail, always the same ones. Others are well.",
        ("logs", "changes"),
        (_RELEASE,),
        "Stock 4.1.8 was released and cannot read a discount without a last day. Logs have a new exception since the "
        "release. It is rolled back; the developers get the trace and a product that fails.",
        ("bad-release",),
        (
            Hint("What do the products that fail have in common?", 5),
            Hint("Look for exceptions that no line had before, and for what was released.", 8),
        ),
    ),
    _scenario(
        "batch-stuck",
        "The job that waits politely",
        "responder",
        "02:40. The settlement should have ended an hour ago. It neither fails nor ends.",
        ("logs", "metrics"),
        (_BATCH,),
        "The settlement waits for the lock of the ledger, and says in its log who holds it: an export that hangs. "
        "Ending the export lets the settlement go on by itself.",
        ("batch-stuck",),
        (Hint("A job that waits mostly says for what. Read its last lines.", 5),),
    ),
    _scenario(
        "config-change",
        "Thirty-five",
        "responder",
        "Thursday, 13:30. Payments time out. The provider says that it has never been faster.",
        ("changes", "logs", "runbooks"),
        (_TIMEOUT,),
        "The provider is right: payments gives up after 35 ms. The configuration was changed an hour ago, and its "
        "difference shows one number. A runbook sets it back.",
        ("config-change",),
        (
            Hint("The message of the time-out holds a number. Is it the one you know?", 5),
            Hint("Compare the configuration of payments with yesterday's.", 8),
        ),
    ),
    _scenario(
        "poison-message",
        "Nothing leaves the house",
        "senior",
        "Monday, 08:15. Orders come in and are paid. The warehouse has had nothing to do since six.",
        ("logs", "data"),
        (_QUEUE,),
        "A truncated message at the head of the queue fails, and is tried again before all others. It is moved to the "
        "dead letters, in a reviewed correction, and the queue empties by itself.",
        ("poison-message",),
        (
            Hint("The depth of a queue says how much waits, its oldest message since when.", 4),
            Hint("Look at the first row of the queue. Is it whole?", 8),
        ),
    ),
    _scenario(
        "wrong-rows",
        "It adds up to less",
        "senior",
        "Tuesday, 17:45. Finance asks why yesterday's total is too low. Every screen is green.",
        ("data", "business"),
        (_ROWS,),
        "The acquirer confirms amounts without their cents, and payments records what is confirmed. First the cause is "
        "ended, then the rows are corrected by a statement that a second person has approved.",
        ("wrong-rows",),
        (
            Hint("Orders and payments should agree. Read some that do not, side by side.", 5),
            Hint("Look at the last two digits.", 8),
        ),
    ),
    _scenario(
        "release-under-suspicion",
        "The release that was it last time",
        "senior",
        "Saturday, 12:10. Cards fail again. Somebody in the chat writes: roll payments back, they released at noon!",
        ("doubt", "changes", "topology"),
        (_ACQUIRER,),
        "The release of payments changed a text of help. It was the last change, and it can do nothing of what is "
        "seen; the acquirer is slow, as the lines say that were there before the release.",
        ("payment-timeouts",),
        (Hint("Read what the release changed. Can that do what you see?", 6),),
        Decoy(
            "payments",
            "deploy",
            "payments 7.3.1: clearer words on the help page",
            "--- a/docs/help.md\n+++ b/docs/help.md\n@@ -1 +1 @@\n-Call us.\n+Call us, day and night.\n",
            "it changes a page of help, which no charge runs through",
        ),
    ),
    _scenario(
        "setting-under-suspicion",
        "A setting was touched",
        "senior",
        "Wednesday, 10:40. The checkout is slow. The feed of changes shows one entry: configuration of the storefront.",
        ("doubt", "changes", "metrics"),
        (_ORDERS_DATABASE,),
        "The storefront was told to greet customers in another way. The time is lost in the database of orders, where "
        "a report holds the lock.",
        ("slow-database",),
        (Hint("Where is the time lost: in the storefront itself, or in what it waits for?", 6),),
        Decoy(
            "storefront",
            "config",
            "storefront: another greeting on the front page",
            "--- a/storefront.json\n+++ b/storefront.json\n@@ -3 +3 @@\n"
            '-  "greeting": "Hello"\n+  "greeting": "Welcome"\n',
            "it changes a text on a page",
        ),
    ),
    _scenario(
        "loud-neighbour",
        "The loudest is not the sickest",
        "senior",
        "Monday, 09:00. Payments was released ten minutes ago, and product pages fail. The product owner has decided.",
        ("doubt", "logs", "changes"),
        (_RELEASE,),
        "Product pages do not pass through payments at all. The exception is in stock, and began with the release of "
        "stock, which nobody had announced.",
        ("bad-release",),
        (Hint("Which services does a product page need? Look at the map of calls.", 6),),
        Decoy(
            "payments",
            "deploy",
            "payments 7.4.0: receipts carry the number of the order",
            "--- a/receipts.py\n+++ b/receipts.py\n@@ -8 +8 @@\n-    write(text)\n+    write(text + order)\n",
            "product pages do not call payments",
        ),
    ),
    _scenario(
        "disk-and-memory",
        "Two alarms, one night",
        "lead",
        "03:10. Two alerts within a minute. One stops money, the other will stop pages in an hour. You have two hands.",
        ("priorities", "metrics", "business"),
        (_DISK, _MEMORY),
        "They have nothing to do with each other. The disk of payments stops every checkout and comes first; the "
        "memory of the storefront can wait for some minutes, and not until the morning.",
        ("full-disk", "memory-leak"),
        (Hint("Which of the two costs money now? Begin there, and name both.", 6),),
    ),
    _scenario(
        "database-and-batch",
        "The report and the export",
        "lead",
        "01:30. The checkout is slow and the settlement stands. A colleague is sure that it is one fault.",
        ("priorities", "topology", "logs"),
        (_ORDERS_DATABASE, _BATCH),
        "Two jobs hold two locks in two databases. Each is found by its own log. One cause would need something that "
        "both share, and they share nothing.",
        ("slow-database", "batch-stuck"),
        (Hint("What would a common cause have to touch? See whether there is such a thing.", 6),),
    ),
    _scenario(
        "acquirer-and-certificate",
        "While everybody looks the other way",
        "lead",
        "Friday, 17:00. Cards fail and everybody is in the call. Another alert fires and nobody reads it.",
        ("priorities", "business", "metrics"),
        (_ACQUIRER, _CERTIFICATE),
        "The acquirer is what hurts now. The certificate hurts on Sunday, when nobody is there: whoever leads gives it "
        "to somebody by name before it is forgotten.",
        ("payment-timeouts", "certificate-expiry"),
        (Hint("Read every alert that came in the last ten minutes, the quiet ones too.", 6),),
    ),
)
