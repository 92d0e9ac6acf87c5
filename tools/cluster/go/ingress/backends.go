package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

const connectTimeout = 5 * time.Second

// backends knows where the pods behind each Service are. They are dialled themselves, as Knative's ingresses do it:
// neither kube-proxy nor the cluster's DNS is needed.
type backends struct {
	services  corelisters.ServiceLister
	endpoints corelisters.EndpointsLister
	watched   []cache.SharedIndexInformer
	ourselves string // the Service that leads to us: nobody is sent there, and round again
}

// backend is one port of a Service.
type backend struct {
	namespace, service string
	port               int32
	h2c                bool
}

func newBackends(core informers.SharedInformerFactory, ourselves string) *backends {
	services, endpoints := core.Core().V1().Services(), core.Core().V1().Endpoints()
	return &backends{services.Lister(), endpoints.Lister(), []cache.SharedIndexInformer{services.Informer(), endpoints.Informer()}, ourselves}
}

func (b backend) host() string { return fmt.Sprintf("%s.%s:%d", b.service, b.namespace, b.port) }

// find is an error as long as the Service, or where its pods are, is not known.
func (b *backends) find(namespace, name string, wanted intstr.IntOrString) (backend, error) {
	service, err := b.services.Services(namespace).Get(name)
	if err != nil {
		return backend{}, err
	}
	if elsewhere := service.Spec.ExternalName; elsewhere != "" {
		place := strings.Split(elsewhere, ".")
		if elsewhere == b.ourselves || len(place) < 3 || place[2] != "svc" {
			return backend{}, fmt.Errorf("service %s/%s leads to %s", namespace, name, elsewhere)
		}
		return b.find(place[1], place[0], wanted)
	}
	if _, err := b.endpoints.Endpoints(namespace).Get(name); err != nil {
		return backend{}, err
	}
	for _, port := range service.Spec.Ports {
		if port.Name == wanted.String() || port.Port == wanted.IntVal {
			return backend{namespace, name, port.Port, speaksH2C(port)}, nil
		}
	}
	return backend{}, fmt.Errorf("service %s/%s has no port %s", namespace, name, wanted.String())
}

// speaksH2C: Knative names a port http2 when the container's port is named h2c.
func speaksH2C(port corev1.ServicePort) bool {
	if port.AppProtocol != nil && *port.AppProtocol == "kubernetes.io/h2c" {
		return true
	}
	return strings.HasPrefix(port.Name, "http2") || strings.HasPrefix(port.Name, "h2c") || strings.HasPrefix(port.Name, "grpc")
}

// dial connects to any ready pod of a backend.host(). One that has just gone is passed over: nothing was sent to it.
func (b *backends) dial(ctx context.Context, network, host string) (net.Conn, error) {
	addresses, err := b.addresses(host)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: connectTimeout}
	err = errNoPod
	for _, at := range rand.Perm(len(addresses)) {
		var connection net.Conn
		if connection, err = dialer.DialContext(ctx, network, addresses[at]); err == nil {
			return connection, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", host, err)
}

func (b *backends) addresses(host string) ([]string, error) {
	place, port, _ := net.SplitHostPort(host)
	name, namespace, _ := strings.Cut(place, ".")
	service, err := b.services.Services(namespace).Get(name)
	if err != nil {
		return nil, err
	}
	endpoints, err := b.endpoints.Endpoints(namespace).Get(name)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, declared := range service.Spec.Ports {
		if strconv.Itoa(int(declared.Port)) != port {
			continue
		}
		for _, subset := range endpoints.Subsets {
			for _, at := range subset.Ports {
				if at.Name != declared.Name {
					continue
				}
				for _, address := range subset.Addresses {
					found = append(found, net.JoinHostPort(address.IP, strconv.Itoa(int(at.Port))))
				}
			}
		}
	}
	return found, nil
}
