package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/intstr"
	"knative.dev/networking/pkg/apis/networking/v1alpha1"
)

var (
	errTimeout = errors.New("the route's timeout is over")
	errNoPod   = errors.New("no pod is ready")
)

type gateway struct {
	ingresses *controller
	routes    *routes
	backends  *backends
	http1     http.RoundTripper
	h2c       http.RoundTripper
}

func newGateway(ingresses *controller, routes *routes, backends *backends) *gateway {
	transport := func(h2c bool) *http.Transport {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(!h2c)
		protocols.SetUnencryptedHTTP2(h2c)
		return &http.Transport{
			DialContext: backends.dial, Protocols: protocols, DisableCompression: true,
			// A connection of its own for each request: a kept one would go to the same pod again whatever comes and
			// goes, and one that a pod just closed would fail a POST that must not be sent twice.
			DisableKeepAlives:     true,
			ExpectContinueTimeout: time.Second,
		}
	}
	return &gateway{ingresses, routes, backends, transport(false), transport(true)}
}

// public serves the hosts that are for everybody; any other host gets the route table, as with Istio's gateway.
func (g *gateway) public(answer http.ResponseWriter, request *http.Request) {
	request.Header.Del("K-Original-Host")
	request.Header.Set("X-Forwarded-Host", request.Host)
	// as Envoy at the edge: it names the client however many proxies of Knative's add themselves to X-Forwarded-For
	if client, _, err := net.SplitHostPort(request.RemoteAddr); err == nil {
		request.Header.Set("X-Envoy-External-Address", client)
	}
	if request.Header.Get("X-Request-Id") == "" {
		request.Header.Set("X-Request-Id", rand.Text())
	}
	if paths, ok := g.ingresses.table.Load().public[hostname(request.Host)]; ok {
		g.follow(answer, request, paths, nil)
		return
	}
	normal(request.URL)
	method := request.Method
	if isPreflight(request) {
		method = request.Header.Get("Access-Control-Request-Method") // of what it will send, so that route answers
	}
	route, by := g.routes.find(method, request.URL.EscapedPath(), request.Header)
	if route == nil {
		http.Error(answer, "no route", http.StatusNotFound)
		return
	}
	if isPreflight(request) && route.CORS != nil {
		route.CORS.preflight(request.Header.Get("Origin"), answer.Header())
		return
	}
	path := route.rewritten(request.URL.EscapedPath(), by)
	request.URL.RawPath = path
	request.URL.Path, _ = url.PathUnescape(path)
	route.Headers.Request.apply(request.Header)
	request.Host = route.host()
	if paths, ok := g.ingresses.table.Load().internal[hostname(request.Host)]; ok {
		g.follow(answer, request, paths, route)
		return
	}
	destination := route.Route[0].Destination
	g.ordinary(answer, request, destination.Host, destination.Port.Number, route)
}

// internal serves what pods call by its name in the cluster; and for who does not have the cluster's DNS, any Service.
func (g *gateway) internal(answer http.ResponseWriter, request *http.Request) {
	host := hostname(request.Host)
	if paths, ok := g.ingresses.table.Load().internal[host]; ok {
		g.follow(answer, request, paths, nil)
		return
	}
	g.ordinary(answer, request, host, 80, nil)
}

// ordinary goes to a Service that is none of Knative's, by its name in the cluster.
func (g *gateway) ordinary(answer http.ResponseWriter, request *http.Request, host string, port int32, route *route) {
	place := strings.Split(host, ".")
	if len(place) < 2 {
		http.Error(answer, "no such host", http.StatusNotFound)
		return
	}
	g.send(answer, request, place[1], place[0], intstr.FromInt32(port), route)
}

func (g *gateway) follow(answer http.ResponseWriter, request *http.Request, paths []v1alpha1.HTTPIngressPath, route *route) {
	path := matching(paths, request)
	if path == nil {
		http.Error(answer, "no such path", http.StatusNotFound)
		return
	}
	for name, value := range path.AppendHeaders {
		request.Header.Set(name, value)
	}
	if path.RewriteHost != "" && request.Host != path.RewriteHost { // a DomainMapping: on to the host that it means
		request.Host = path.RewriteHost
		g.internal(answer, request)
		return
	}
	split := chosen(path.Splits)
	for name, value := range split.AppendHeaders {
		request.Header.Set(name, value)
	}
	g.send(answer, request, split.ServiceNamespace, split.ServiceName, split.ServicePort, route)
}

func (g *gateway) send(answer http.ResponseWriter, request *http.Request, namespace, service string, port intstr.IntOrString, route *route) {
	to, err := g.backends.find(namespace, service, port)
	if apierrors.IsNotFound(err) {
		http.Error(answer, "no such host", http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(answer, err.Error(), http.StatusServiceUnavailable)
		return
	}
	transport := g.http1
	if to.h2c {
		transport = g.h2c
	}
	limit := &limit{}
	if route != nil && route.Timeout.Duration > 0 {
		cancelable, cancel := context.WithCancelCause(request.Context())
		defer cancel(nil)
		limit = newLimit(route.Timeout.Duration, func() { cancel(errTimeout) })
		defer limit.stop()
		request = request.WithContext(cancelable)
		request.Body = limit.watch(request.Body)
	}
	origin := request.Header.Get("Origin")
	proxy := httputil.ReverseProxy{
		Transport:     transport,
		FlushInterval: -1, // every piece at once: events are streamed
		ErrorLog:      log.Default(),
		Rewrite: func(through *httputil.ProxyRequest) {
			through.Out.URL.Scheme, through.Out.URL.Host, through.Out.Host = "http", to.host(), request.Host
			through.Out.Header["X-Forwarded-For"] = through.In.Header["X-Forwarded-For"]
			through.Out.Header["X-Forwarded-Host"] = through.In.Header["X-Forwarded-Host"]
			if client, _, err := net.SplitHostPort(through.In.RemoteAddr); err == nil {
				earlier := append([]string{}, through.In.Header["X-Forwarded-For"]...)
				through.Out.Header.Set("X-Forwarded-For", strings.Join(append(earlier, client), ", "))
			}
			through.Out.Header.Set("X-Forwarded-Proto", "http")
		},
		ModifyResponse: func(response *http.Response) error {
			limit.begin()
			if route != nil {
				route.CORS.expose(origin, response.Header)
				route.Headers.Response.apply(response.Header)
			}
			return nil
		},
		ErrorHandler: func(answer http.ResponseWriter, request *http.Request, err error) {
			if route != nil {
				route.CORS.expose(origin, answer.Header())
			}
			switch {
			case errors.Is(context.Cause(request.Context()), errTimeout):
				http.Error(answer, "the service did not answer in time", http.StatusGatewayTimeout)
			case errors.Is(err, errNoPod):
				http.Error(answer, err.Error(), http.StatusServiceUnavailable)
			default:
				log.Printf("%s %s: %v", to.host(), request.URL.Path, err)
				http.Error(answer, "the service broke off", http.StatusBadGateway)
			}
		},
	}
	proxy.ServeHTTP(answer, request)
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(host)
}

// normal takes dot segments out of the path, as Istio's gateway does before it looks for a route.
func normal(at *url.URL) {
	clean := (&url.URL{Path: "/"}).ResolveReference(&url.URL{Path: at.Path, RawPath: at.RawPath})
	at.Path, at.RawPath = clean.Path, clean.RawPath
}

// limit is a route's timeout. It counts from the end of the request, as Envoy's does: a long upload is not its concern.
type limit struct {
	length time.Duration
	over   func()
	once   sync.Once
	timer  *time.Timer
	mutex  sync.Mutex
}

func newLimit(length time.Duration, over func()) *limit { return &limit{length: length, over: over} }

func (l *limit) begin() {
	if l.over == nil {
		return
	}
	l.once.Do(func() {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.timer = time.AfterFunc(l.length, l.over)
	})
}

func (l *limit) stop() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
}

func (l *limit) watch(body io.ReadCloser) io.ReadCloser {
	if body == nil || body == http.NoBody {
		l.begin()
		return body
	}
	return &watched{body, l}
}

type watched struct {
	io.ReadCloser
	limit *limit
}

func (w *watched) Read(into []byte) (int, error) {
	count, err := w.ReadCloser.Read(into)
	if err != nil {
		w.limit.begin()
	}
	return count, err
}
