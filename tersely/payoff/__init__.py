"""Say before compressing whether it will pay, and afterwards what it saved."""

from tersely.payoff.ledger import Balance
from tersely.payoff.predict import Payoff, predict_payoff
from tersely.payoff.prices import Price, Prices, load_prices
from tersely.payoff.savings import Savings, savings
from tersely.payoff.speed import Speed
from tersely.payoff.terms import Terms

__all__ = [
    "Balance",
    "Payoff",
    "Price",
    "Prices",
    "Savings",
    "Speed",
    "Terms",
    "load_prices",
    "predict_payoff",
    "savings",
]
