"""What happens to one part: trigger, acquire, locate, measure, judge, output, publish. Read inspection.py first."""
