"""What Envoy starts with: who it is and where to ask. As Istio's own (tools/packaging/common/envoy_bootstrap.json)."""

from typing import Any

Address = tuple[str, int]


def bootstrap(node: dict[str, Any], istiod: Address, token: str, admin: Address, identity: str) -> dict[str, Any]:
    """`identity`: the socket of istio_identity.py, or nothing."""
    credentials = {"initial_metadata": [{"key": "authorization", "value": f"Bearer {token}"}]}
    sources = [_cluster("xds-grpc", _address(istiod))]
    if identity:
        sources.append(_cluster("sds-grpc", {"pipe": {"path": identity}}))
    return {
        "node": node,
        "admin": {"address": _address(admin)},
        "dynamic_resources": {
            "lds_config": {"ads": {}, "resource_api_version": "V3"},
            "cds_config": {"ads": {}, "resource_api_version": "V3"},
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}, **credentials}],
            },
        },
        "static_resources": {"clusters": sources},
    }


def _cluster(name: str, address: dict[str, Any]) -> dict[str, Any]:
    http2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "typed_extension_protocol_options": {
            http2: {
                "@type": f"type.googleapis.com/{http2}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


def _address(address: Address) -> dict[str, Any]:
    return {"socket_address": {"address": address[0], "port_value": address[1]}}
