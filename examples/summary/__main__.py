"""Summarises a CSV file that is part of the zip: daily weather of two cities."""

import csv
import os
import statistics


def main(args):
    """Group the rows by `by` and summarise the numbers of column `of`."""
    by, of = args.get("by", "location"), args.get("of", "temp_max")
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "weather.csv")
    groups = {}
    with open(path, newline="") as file:
        rows = csv.DictReader(file)
        for column in (by, of):
            if column not in rows.fieldnames:
                return {"error": f"there is no column {column}; there are {', '.join(rows.fieldnames)}"}
        for row in rows:
            groups.setdefault(row[by], []).append(float(row[of]))
    count = sum(map(len, groups.values()))
    print(f"{count} rows in {len(groups)} groups")
    return {
        "rows": count,
        "groups": {
            name: {
                "rows": len(values),
                "mean": round(statistics.fmean(values), 2),
                "min": min(values),
                "max": max(values),
            }
            for name, values in sorted(groups.items())
        },
    }
