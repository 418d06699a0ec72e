"""Tools for mail, money, shops, projects, machines and health."""

from __future__ import annotations

from agentrl.envs._tools.actions import Action, Parameter
from agentrl.envs._tools.kinds import (
    Choice,
    Clock,
    Code,
    Day,
    Flag,
    Measure,
    Minutes,
    Money,
    Name,
    Record,
    Several,
    Whole,
)
from agentrl.envs._tools.names import (
    CITY,
    CURRENCY,
    MAIL,
    MAILS,
    MESSAGE,
    ORDER,
    PERSON,
    PROJECT,
    SUBJECT,
    WORDS,
    need,
    plain_choice,
    want,
)

__all__ = ["WORK"]

PRIORITY = Choice({"low": ("low",), "normal": ("normal",), "high": ("high", "urgent")})
SERVICE = Name(("billing-api", "search-node", "auth-gateway", "mail-worker", "image-cache", "report-batch"))
TICKET = Code("T-", 4)
STOCK = Name(("ACME", "NRDX", "HLIO", "VTRA", "QBIT", "SOLN"))
DRUG = Name(("ibuprofen", "vitamin D", "cetirizine", "magnesium"))
ACCOUNT = plain_choice("checking", "savings", "joint")

LETTERS = (
    Action(
        "send_email",
        "Send a mail now.",
        {**need(to=MAILS, subject=SUBJECT, body=MESSAGE), "cc": want(MAIL, "One more who gets a copy")},
        (
            "send a mail to {to} with the subject {subject} that says {body}[, copy to {cc}]",
            "mail {to}, subject {subject}, text {body}[, and put {cc} in copy]",
        ),
        again="to",
    ),
    Action(
        "schedule_email",
        "Send a mail at a later time.",
        need(to=MAIL, subject=SUBJECT, body=MESSAGE, date=Day(), time=Clock()),
        ("schedule a mail to {to}, subject {subject}, text {body}, to go out {date} {time}",),
        again="to",
    ),
    Action(
        "search_inbox",
        "Find mails that were received.",
        {
            **need(sender=MAIL),
            "unread_only": want(Flag("only unread ones", "read ones as well"), "", default=False),
            "limit": want(Whole(5, 50, 5), "Most mails", 10),
        },
        (
            "find the mails that {sender} sent me[, {unread_only}][, {limit} at most]",
            "search my inbox for mails by {sender}[, {unread_only}]",
        ),
        again="sender",
    ),
    Action(
        "set_out_of_office",
        "Answer mails automatically for a number of days.",
        need(first_day=Day("from "), days=Whole(2, 30), text=MESSAGE),
        (
            "set my out-of-office answer {first_day} for {days} days to {text}",
            "answer my mails with {text}, {first_day}, for {days} days",
        ),
    ),
    Action(
        "send_text_message",
        "Send a short message to a person's phone.",
        need(person=PERSON, text=MESSAGE),
        ("text {person} {text}", "send {person} a text message that says {text}"),
        again="person",
    ),
)
MONEY = (
    Action(
        "transfer_money",
        "Send money to a person.",
        {
            **need(recipient=PERSON, amount=Money(5, 4000), currency=CURRENCY),
            "purpose": want(SUBJECT, "Shown to the recipient"),
        },
        (
            "transfer {amount} {currency} to {recipient}[ with the purpose {purpose}]",
            "send {recipient} {amount} {currency}[, purpose {purpose}]",
        ),
        again="recipient",
    ),
    Action(
        "request_money",
        "Ask a person for money.",
        need(payer=PERSON, amount=Money(5, 900), currency=CURRENCY),
        ("ask {payer} to pay me {amount} {currency}", "request {amount} {currency} from {payer}"),
        again="payer",
    ),
    Action(
        "convert_currency",
        "Work out an amount in another currency. Moves no money.",
        need(amount=Money(10, 9000), source=CURRENCY, target=plain_choice("GBP", "SEK", "INR", "BRL")),
        ("work out how much {amount} {source} are in {target}", "convert {amount} {source} into {target}"),
        again="target",
    ),
    Action(
        "get_account_balance",
        "How much is in an account.",
        need(account=ACCOUNT),
        ("tell me how much is in my {account} account", "check the balance of the {account} account"),
        again="account",
    ),
    Action(
        "buy_shares",
        "Buy shares of a company.",
        {**need(symbol=STOCK, shares=Whole(1, 200)), "limit_price": want(Money(10, 300), "Highest price of a share")},
        (
            "buy {shares} shares of {symbol}[ at no more than {limit_price} each]",
            "get me {shares} {symbol} shares[, limit {limit_price}]",
        ),
        again="symbol",
    ),
    Action(
        "get_share_price",
        "The price of a share now.",
        need(symbol=STOCK),
        ("look up the share price of {symbol}", "tell me what a share of {symbol} costs"),
        again="symbol",
    ),
)
SHOP = (
    Action(
        "track_order",
        "Where an order is.",
        need(order=ORDER),
        ("tell me where order {order} is", "track order {order}"),
        again="order",
    ),
    Action(
        "cancel_order",
        "Cancel an order that was not sent yet.",
        need(
            order=ORDER,
            reason=Choice(
                {
                    "too_late": ("it takes too long",),
                    "by_mistake": ("I ordered it by mistake",),
                    "cheaper": ("I found it cheaper",),
                }
            ),
        ),
        ("cancel order {order}[ because {reason}]", "cancel my order {order}[; the reason is that {reason}]"),
    ),
    Action(
        "return_item",
        "Send an item of an order back.",
        {
            **need(order=ORDER, item=Whole(1, 6)),
            "exchange": want(Flag("for another size", "for a refund"), "Whether another size is wanted", default=False),
        },
        (
            "return item number {item} of order {order}[ {exchange}]",
            "send back item {item} from order {order}[ {exchange}]",
        ),
    ),
    Action(
        "get_shipping_cost",
        "What it costs to send a parcel; the weight is in kilograms.",
        {
            **need(destination=CITY, weight=Measure("kg", 1, 200, "g", 1000)),
            "express": want(Flag("by express", "by normal post"), "", default=False),
        },
        (
            "find out what it costs to send {weight} to {destination}[ {express}]",
            "get the price of shipping a parcel of {weight} to {destination}[ {express}]",
        ),
        again="destination",
    ),
    Action(
        "apply_coupon",
        "Use a coupon for an order.",
        need(order=ORDER, coupon=Code("SAVE", 4)),
        ("use the coupon {coupon}[ for order {order}]", "apply coupon {coupon}[ to order {order}]"),
    ),
)
PROJECTS = (
    Action(
        "create_ticket",
        "Open a ticket in a project.",
        {**need(project=PROJECT, title=SUBJECT), "priority": want(PRIORITY, "", "normal"), "assignee": want(PERSON)},
        (
            "open a ticket in project {project} titled {title}[, priority {priority}][, assigned to {assignee}]",
            "create a ticket {title}[ with {priority} priority] in project {project}[ for {assignee}]",
        ),
        again="project",
    ),
    Action(
        "assign_ticket",
        "Give an existing ticket to a person.",
        need(ticket=TICKET, person=PERSON),
        ("give ticket {ticket} to {person}", "assign {person} to ticket {ticket}"),
        again="ticket",
    ),
    Action(
        "set_ticket_priority",
        "Change the priority of an existing ticket.",
        need(ticket=TICKET, priority=PRIORITY),
        ("change the priority of ticket {ticket} to {priority}", "make {priority} the priority of ticket {ticket}"),
        again="ticket",
    ),
    Action(
        "log_time",
        "Book working time on a ticket, in minutes.",
        {**need(ticket=TICKET, minutes=Minutes()), "note": want(WORDS)},
        (
            "log {minutes} on ticket {ticket}[ with the note {note}]",
            "book {minutes} of work on ticket {ticket}[, note {note}]",
        ),
        again="ticket",
    ),
    Action(
        "set_milestone",
        "Set the deadline of a milestone.",
        need(project=PROJECT, milestone=plain_choice("alpha", "beta", "launch"), date=Day()),
        ("set the {milestone} milestone of project {project}[ to be {date}]",),
        again="project",
    ),
)
MACHINES = (
    Action(
        "restart_service",
        "Restart a service.",
        {
            **need(service=SERVICE, environment=plain_choice("staging", "production")),
            "delay_minutes": want(Minutes(), "How long to wait before"),
        },
        (
            "restart {service}[ in {environment}][, waiting {delay_minutes} before]",
            "give {service}[ on {environment}] a restart[ after {delay_minutes}]",
        ),
        again="service",
    ),
    Action(
        "scale_service",
        "Set the number of copies of a service.",
        need(service=SERVICE, replicas=Whole(1, 40)),
        ("run {replicas} replicas of {service}", "scale {service} to {replicas} replicas"),
        again="service",
    ),
    Action(
        "get_logs",
        "Read the last lines of a service's log.",
        {
            **need(service=SERVICE),
            "lines": want(Whole(50, 500, 50), "", 100),
            "severity": want(plain_choice("info", "warning", "error"), "Lowest severity that is shown"),
        },
        (
            "show me the log of {service}[, the last {lines} lines][, severity {severity} and up]",
            "fetch the logs of {service}[ from {severity} up]",
        ),
        again="service",
    ),
    Action(
        "deploy_version",
        "Deploy a version of a service.",
        {
            **need(service=SERVICE, version=Code("v", 3)),
            "strategy": want(plain_choice("rolling", "canary", "blue_green"), "", "rolling"),
        },
        (
            "deploy version {version} of {service}[ as a {strategy} release]",
            "roll out {service} {version}[ with the {strategy} strategy]",
        ),
        again="service",
    ),
)
HEALTH = (
    Action(
        "book_doctor_visit",
        "Make an appointment with a doctor.",
        {
            "doctor": Parameter(PERSON, "Name without title"),
            **need(date=Day(), time=Clock()),
            "reason": want(plain_choice("checkup", "vaccination", "blood_test")),
        },
        ("make an appointment with Dr. {doctor}[ {date}][ {time}][ for a {reason}]",),
        again="doctor",
    ),
    Action(
        "log_workout",
        "Note down a training, with its length in minutes and distance in kilometres.",
        {
            **need(sport=plain_choice("running", "cycling", "swimming", "rowing"), minutes=Minutes()),
            "distance": want(Measure("km", 5, 300, "m", 1000), "In kilometres"),
        },
        (
            "log {minutes} of {sport}[ over {distance}]",
            "note down that I did {minutes} of {sport}[, {distance} in all]",
        ),
        again="sport",
    ),
    Action(
        "add_medication",
        "Put a medicine on the plan, with its daily times.",
        {
            **need(
                drug=DRUG,
                dose=Record(
                    {
                        "amount": Whole(2, 4),
                        "form": Choice({"tablet": ("tablets",), "drop": ("drops",), "capsule": ("capsules",)}),
                    },
                    "{amount} {form}",
                ),
                times=Several(plain_choice("morning", "afternoon", "evening"), 1, 2),
            ),
            "until": want(Day(""), "Last day"),
        },
        ("add {drug} to my medication plan: {dose} in the {times}[, the last day being {until}]",),
    ),
    Action(
        "log_weight",
        "Note down the body weight in kilograms.",
        need(kilograms=Measure("kg", 400, 1200, "g", 1000)),
        ("write down that I weigh {kilograms}", "log a body weight of {kilograms}"),
    ),
)
WORK = {
    "letters": LETTERS,
    "money": MONEY,
    "shop": SHOP,
    "projects": PROJECTS,
    "machines": MACHINES,
    "health": HEALTH,
}
