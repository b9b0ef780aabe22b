from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="security-context", description="Whom a step runs as.")
def pipeline():
    kubernetes.set_security_context(idle(), run_as_user=1000, run_as_group=0, run_as_non_root=True)
