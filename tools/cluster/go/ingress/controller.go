package main

import (
	"context"
	"errors"
	"log"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"knative.dev/networking/pkg/apis/networking"
	"knative.dev/networking/pkg/apis/networking/v1alpha1"
	"knative.dev/networking/pkg/client/clientset/versioned"
	"knative.dev/networking/pkg/client/informers/externalversions"
	listers "knative.dev/networking/pkg/client/listers/networking/v1alpha1"
	"knative.dev/networking/pkg/ingress"
)

// controller keeps the table of hosts, and tells Knative of each Ingress when it is in the table.
type controller struct {
	client   versioned.Interface
	lister   listers.IngressLister
	backends *backends
	class    string
	domain   string
	queue    workqueue.RateLimitingInterface
	table    atomic.Pointer[table]
}

// table is what is served now: who may reach a host, and its paths in their order.
type table struct {
	public, internal map[string][]v1alpha1.HTTPIngressPath
}

func newController(client versioned.Interface, knative externalversions.SharedInformerFactory, backends *backends, class, domain string) *controller {
	ingresses := knative.Networking().V1alpha1().Ingresses()
	c := &controller{
		client: client, lister: ingresses.Lister(), backends: backends, class: class, domain: domain,
		queue: workqueue.NewRateLimitingQueue(workqueue.DefaultControllerRateLimiter()),
	}
	c.table.Store(&table{})
	changed := func(object any) {
		if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
			c.queue.Add(key)
		}
	}
	_, _ = ingresses.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: changed, UpdateFunc: func(_, object any) { changed(object) }, DeleteFunc: changed,
	})
	// Routes wait for the Services of a new revision: look again at what waits as soon as one comes.
	for _, watched := range backends.watched {
		_, _ = watched.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: func(any) { c.waiting() }})
	}
	return c
}

func (c *controller) waiting() {
	for _, one := range c.ours() {
		if !one.IsReady() {
			c.queue.Add(one.Namespace + "/" + one.Name)
		}
	}
}

func (c *controller) run(stop context.Context) {
	go func() {
		<-stop.Done()
		c.queue.ShutDown()
	}()
	for {
		key, shutdown := c.queue.Get()
		if shutdown {
			return
		}
		if err := c.reconcile(stop, key.(string)); err != nil {
			log.Printf("ingress %s: %v", key, err)
			c.queue.AddRateLimited(key)
		} else {
			c.queue.Forget(key)
		}
		c.queue.Done(key)
	}
}

// reconcile serves all as it is now, then says so of the one that changed.
func (c *controller) reconcile(stop context.Context, key string) error {
	c.table.Store(c.build())
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return nil
	}
	original, err := c.lister.Ingresses(namespace).Get(name)
	if apierrors.IsNotFound(err) || (err == nil && !c.isOurs(original)) {
		return nil
	}
	if err != nil {
		return err
	}
	found := original.DeepCopy()
	missing := c.judge(found)
	if !equality.Semantic.DeepEqual(original.Status, found.Status) {
		if _, err := c.client.NetworkingV1alpha1().Ingresses(namespace).UpdateStatus(stop, found, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	return missing
}

// judge writes the status. It returns what is still missing.
func (c *controller) judge(found *v1alpha1.Ingress) error {
	found.Status.InitializeConditions()
	found.Status.ObservedGeneration = found.Generation
	if len(found.Spec.TLS) > 0 || found.Spec.HTTPOption == v1alpha1.HTTPOptionRedirected {
		found.Status.MarkLoadBalancerFailed("NotSupported", "this stand-in has no TLS")
		return nil
	}
	if err := c.missing(found); err != nil {
		found.Status.MarkIngressNotReady("BackendUnknown", err.Error())
		return err
	}
	at := []v1alpha1.LoadBalancerIngressStatus{{DomainInternal: c.domain}}
	found.Status.MarkNetworkConfigured()
	found.Status.MarkLoadBalancerReady(at, at)
	return nil
}

func (c *controller) missing(found *v1alpha1.Ingress) error {
	for _, rule := range found.Spec.Rules {
		if rule.HTTP == nil {
			return errors.New("a rule has no http")
		}
		for _, path := range rule.HTTP.Paths {
			for _, split := range path.Splits {
				if path.RewriteHost != "" {
					continue
				}
				if _, err := c.backends.find(split.ServiceNamespace, split.ServiceName, split.ServicePort); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (c *controller) build() *table {
	made := &table{map[string][]v1alpha1.HTTPIngressPath{}, map[string][]v1alpha1.HTTPIngressPath{}}
	for _, one := range c.ours() {
		// Adds, before each path, the one for Knative's probes, which are answered with the version that is served.
		if _, err := ingress.InsertProbe(one); err != nil {
			log.Printf("ingress %s/%s: %v", one.Namespace, one.Name, err)
			continue
		}
		for _, rule := range one.Spec.Rules {
			for host := range ingress.ExpandedHosts(sets.New(rule.Hosts...)) {
				add(made.internal, host, rule.HTTP.Paths)
				if rule.Visibility != v1alpha1.IngressVisibilityClusterLocal {
					add(made.public, host, rule.HTTP.Paths)
				}
			}
		}
	}
	return made
}

// add: a host belongs to the Ingress that had it first.
func add(hosts map[string][]v1alpha1.HTTPIngressPath, host string, paths []v1alpha1.HTTPIngressPath) {
	if _, taken := hosts[host]; !taken {
		hosts[host] = paths
	}
}

// ours are copies, oldest first.
func (c *controller) ours() []*v1alpha1.Ingress {
	all, _ := c.lister.List(labels.Everything())
	var found []*v1alpha1.Ingress
	for _, one := range all {
		if c.isOurs(one) && one.DeletionTimestamp == nil {
			found = append(found, one.DeepCopy())
		}
	}
	slices.SortFunc(found, func(a, b *v1alpha1.Ingress) int {
		if order := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); order != 0 {
			return order
		}
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return found
}

func (c *controller) isOurs(one *v1alpha1.Ingress) bool {
	return one.Annotations[networking.IngressClassAnnotationKey] == c.class
}

// matching is the first path that fits.
func matching(paths []v1alpha1.HTTPIngressPath, request *http.Request) *v1alpha1.HTTPIngressPath {
	for at := range paths {
		path := &paths[at]
		fits := strings.HasPrefix(request.URL.Path, path.Path)
		for name, wanted := range path.Headers {
			fits = fits && request.Header.Get(name) == wanted.Exact
		}
		if fits {
			return path
		}
	}
	return nil
}

// chosen is one of the splits, each as often as its percentage says.
func chosen(splits []v1alpha1.IngressBackendSplit) *v1alpha1.IngressBackendSplit {
	left := rand.IntN(100)
	for at := range splits {
		if left -= splits[at].Percent; left < 0 || len(splits) == 1 {
			return &splits[at]
		}
	}
	return &splits[len(splits)-1]
}
