from ..application import app
from ..projects import total_comparisons
from ..stores import database
from .base_task import PREFIX


@app.task(name=PREFIX + "stats.calculate_comparison_rate", ignore_result=True)
def calculate_comparison_rate():
    with database() as cursor:
        cursor.execute(
            "SELECT project, extract(epoch FROM time_completed - time_started) FROM runs WHERE state = 'completed'")
        runs = cursor.fetchall()
        seconds = float(sum(elapsed or 0 for _, elapsed in runs))
        if seconds > 0:
            comparisons = sum(total_comparisons(cursor, project_id) for project_id, _ in runs)
            cursor.execute("INSERT INTO metrics (rate) VALUES (%s)", (int(comparisons / seconds),))
