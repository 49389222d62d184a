"""Thin Airflow DAGs over the use cases in `pipelines`. The only place that imports Airflow."""
