"""Put runs side by side: numbers, verdicts, and why some can't be compared.

Each folder is a run's, of train or test, or has those of runs in it, as a suite's. Runs that
measured the same thing are compared; for others the report says what differs.
"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    folders = 'the work dir of a run, or of a suite; or any folder that has those of runs'
    add('folders', nargs='+', metavar='DIR', help=folders)
    add('--out', default='report.html', metavar='FILE', help='the page [report.html]')
    baseline = 'the arm that others are compared with [each with each]'
    add('--baseline', default='', metavar='ARM', help=baseline)
    metrics = "metrics, such as 'knn/*' [all but those of single probes of a sweep]"
    add('--metrics', nargs='+', default=[], metavar='NAME', help=metrics)


def run(args: argparse.Namespace) -> None:
    """Write the page and print a summary."""
    from mmmask.reports.comparison_page import report_on

    print(report_on(args.folders, args.out, args.metrics, args.baseline))
