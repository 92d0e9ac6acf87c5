// Command ingress is a stand-in for Knative's ingress controllers (net-kourier, net-istio), which are no Go modules
// that could be built here, and for Istio's ingress gateway: one process, for one machine. See docs/decisions/0027.
//
// It serves every Ingress of its class (the "KIngress" that Knative Serving writes for each route), and the route
// table of the VirtualServices. Not done here, and said in an Ingress' status or in the log where it is asked for: TLS.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"knative.dev/networking/pkg/client/clientset/versioned"
	"knative.dev/networking/pkg/client/informers/externalversions"
)

const drainSeconds = 10

func main() {
	kubeconfig := flag.String("kubeconfig", "", "of the cluster")
	class := flag.String("class", "wadi.ingress.networking.knative.dev", "the ingress class that is ours")
	public := flag.String("public", "127.0.0.1:8080", "where everybody comes in")
	internal := flag.String("internal", "127.0.0.1:8081", "where the cluster's own pods come in")
	domain := flag.String("domain", "ingress.wadi-ingress.svc.cluster.local", "the Service that leads pods to -internal")
	flag.Parse()
	stop, done := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer done()
	if err := run(stop, *kubeconfig, *class, *public, *internal, *domain); err != nil {
		log.Fatal(err)
	}
}

func run(stop context.Context, kubeconfig, class, public, internal, domain string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.WarningHandler = rest.NoWarnings{} // Endpoints are called deprecated, and are what Knative writes
	config.QPS, config.Burst = 50, 100
	core := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(config), 0)
	client := versioned.NewForConfigOrDie(config)
	knative := externalversions.NewSharedInformerFactory(client, 0)
	istio := dynamicinformer.NewDynamicSharedInformerFactory(dynamic.NewForConfigOrDie(config), 0)

	backends := newBackends(core, domain)
	routes := newRoutes(istio)
	ingresses := newController(client, knative, backends, class, domain)
	gateway := newGateway(ingresses, routes, backends)

	core.Start(stop.Done())
	knative.Start(stop.Done())
	istio.Start(stop.Done()) // not waited for: a cluster need not have Istio's kinds
	core.WaitForCacheSync(stop.Done())
	knative.WaitForCacheSync(stop.Done())
	if stop.Err() != nil {
		return nil
	}
	go ingresses.run(stop)
	return serve(stop, map[string]http.Handler{public: http.HandlerFunc(gateway.public), internal: http.HandlerFunc(gateway.internal)})
}

// serve listens only now that all is known, so an open port means readiness.
func serve(stop context.Context, handlers map[string]http.Handler) error {
	failed := make(chan error, len(handlers))
	servers := make([]*http.Server, 0, len(handlers))
	for address, handler := range handlers {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(true)
		protocols.SetUnencryptedHTTP2(true)
		// No limit of time but for the headers: an upload and a stream of events take as long as they take.
		server := &http.Server{Handler: handler, Protocols: protocols, ReadHeaderTimeout: time.Minute}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		log.Printf("listening on %s", address)
		servers = append(servers, server)
		go func() { failed <- server.Serve(listener) }()
	}
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
	}
	draining, done := context.WithTimeout(context.Background(), drainSeconds*time.Second)
	defer done()
	for _, server := range servers {
		if err := server.Shutdown(draining); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	return nil
}
