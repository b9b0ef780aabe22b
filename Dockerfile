# The operator's image: one static program on nothing. Target and flags are those of the images that the tests make
# (.cargo/config.toml); only the profile differs.
FROM docker.io/library/rust:1.95.0-bookworm AS build
WORKDIR /source
COPY . .
ARG PROFILE=release
RUN cargo build --locked --profile "${PROFILE}" --package kfp-operator \
    && install -D -m 0755 target/*/"${PROFILE}"/kfp-operator /image/kfp-operator

FROM scratch
LABEL org.opencontainers.image.title="kfp-operator" \
      org.opencontainers.image.description="Installs and keeps Kubeflow Pipelines from one manifest" \
      org.opencontainers.image.source="https://github.com/kfpops/kfp-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/kfp-operator /kfp-operator
USER 65532:65532
ENTRYPOINT ["/kfp-operator"]
