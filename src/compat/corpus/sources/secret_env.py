from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="secret-env", description="Keys of a secret as environment variables.")
def pipeline():
    kubernetes.use_secret_as_env(idle(), secret_name="login", secret_key_to_env={"user": "USER", "word": "PASS"})
