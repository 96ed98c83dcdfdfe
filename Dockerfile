# One image for every party; compose says which one a container is.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

WORKDIR /app
COPY requirements.txt requirements-build.txt ./
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements.txt -r requirements-build.txt

COPY pyproject.toml LICENSE README.md ./
COPY crypto crypto
COPY dht dht
COPY nodes nodes
COPY scenarios scenarios
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
 && python -m compileall -q crypto dht nodes scenarios

# Fresh named volumes take their owner from these folders.
RUN useradd --uid 10001 --create-home jangteo \
 && mkdir /world /data /runs && chown jangteo:jangteo /world /data /runs
USER jangteo

CMD ["jangteo", "--help"]
