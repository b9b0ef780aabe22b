from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="toleration-json", description="A step that bears the taints that the run names.")
def pipeline(toleration: dict = {"operator": "Exists"}):
    kubernetes.add_toleration_json(idle(), toleration)
