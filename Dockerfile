# Two images: `operator` (the default), one static program on nothing, and `kfpctl` (`--target kfpctl`), with the shell that CI
# systems need. Target and flags are those of the images that the tests make (.cargo/config.toml); only the profile differs.
FROM docker.io/library/rust:1.95.0-bookworm AS build
WORKDIR /source
COPY . .
ARG PROFILE=release
RUN cargo build --locked --profile "${PROFILE}" --package kfp-operator --package kfpctl \
    && install -D -m 0755 target/*/"${PROFILE}"/kfp-operator /image/kfp-operator \
    && install -D -m 0755 target/*/"${PROFILE}"/kfpctl /image/kfpctl

FROM docker.io/library/alpine:3.23 AS kfpctl
LABEL org.opencontainers.image.title="kfpctl" \
      org.opencontainers.image.description="Tells whether compiled Kubeflow pipelines fit the release that will run them" \
      org.opencontainers.image.source="https://github.com/kfpops/kfp-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/kfpctl /usr/local/bin/kfpctl
COPY integrations/kfp-check.sh /usr/local/bin/kfp-check
USER 65532:65532
ENTRYPOINT ["kfpctl"]

FROM scratch AS operator
LABEL org.opencontainers.image.title="kfp-operator" \
      org.opencontainers.image.description="Installs and keeps Kubeflow Pipelines from one manifest" \
      org.opencontainers.image.source="https://github.com/kfpops/kfp-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/kfp-operator /kfp-operator
USER 65532:65532
ENTRYPOINT ["/kfp-operator"]
