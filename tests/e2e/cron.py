"""cron: how often the five fields of a crontab line fire, so that calls per
month are computed from the schedule."""


def field(text, low, high):
    values = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        else:
            first, _, last = span.partition("-")
            first, last = int(first), int(last or first)
        values.update(range(first, last + 1, int(step or 1)))
    return values


class Schedule:
    def __init__(self, text):
        minutes, hours, *days = text.split()
        if days != ["*", "*", "*"]:
            raise ValueError(f"only daily schedules are understood: {text}")
        self.minutes = field(minutes, 0, 59)
        self.hours = field(hours, 0, 23)

    def fires(self, minute):
        """Whether the line fires at that minute of the day."""
        return minute // 60 in self.hours and minute % 60 in self.minutes

    def a_day(self):
        return len(self.minutes) * len(self.hours)
