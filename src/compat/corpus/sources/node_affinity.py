from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="node-affinity", description="A step that must run on some nodes and would rather run on others.")
def pipeline():
    step = idle()
    kubernetes.add_node_affinity(
        step, match_expressions=[{"key": "disk", "operator": "In", "values": ["ssd", "nvme"]}]
    )
    kubernetes.add_node_affinity(
        step, match_fields=[{"key": "metadata.name", "operator": "NotIn", "values": ["old"]}], weight=10
    )
