package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

var virtualServices = schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: "virtualservices"}

// routes is the route table: every VirtualService, in the part of the kind that stands below. One that has a field
// beyond it is not served, and the log says which: half a route would not be what was asked for.
type routes struct{ table atomic.Pointer[[]route] }

type virtualService struct {
	Hosts    []string `json:"hosts"`
	Gateways []string `json:"gateways"`
	ExportTo []string `json:"exportTo"`
	HTTP     []route  `json:"http"`
}

type route struct {
	Name    string  `json:"name"`
	Match   []match `json:"match"`
	Rewrite struct {
		Authority string `json:"authority"`
		URI       string `json:"uri"`
	} `json:"rewrite"`
	Route []struct {
		Destination struct {
			Host string `json:"host"`
			Port struct {
				Number int32 `json:"number"`
			} `json:"port"`
		} `json:"destination"`
	} `json:"route"`
	Timeout metav1.Duration `json:"timeout"`
	Retries struct {
		Attempts int `json:"attempts"`
	} `json:"retries"`
	CORS    *corsPolicy `json:"corsPolicy"`
	Headers struct {
		Request  headerChange `json:"request"`
		Response headerChange `json:"response"`
	} `json:"headers"`
}

type match struct {
	Name    string                  `json:"name"`
	URI     *stringMatch            `json:"uri"`
	Method  *stringMatch            `json:"method"`
	Headers map[string]*stringMatch `json:"headers"`
}

type stringMatch struct {
	Exact  *string `json:"exact"`
	Prefix *string `json:"prefix"`
	Regex  *string `json:"regex"`
	whole  *regexp.Regexp
}

type headerChange struct {
	Set    map[string]string `json:"set"`
	Add    map[string]string `json:"add"`
	Remove []string          `json:"remove"`
}

func newRoutes(istio dynamicinformer.DynamicSharedInformerFactory) *routes {
	made := &routes{}
	made.table.Store(&[]route{})
	watched := istio.ForResource(virtualServices)
	// A cluster without Istio's kinds is asked again and again; once is enough to be told.
	told := false
	_ = watched.Informer().SetWatchErrorHandler(func(_ *cache.Reflector, err error) {
		if !told {
			log.Printf("no VirtualServices: %v", err)
		}
		told = true
	})
	changed := func(any) { made.read(watched.Lister()) }
	_, _ = watched.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: changed, UpdateFunc: func(_, object any) { changed(object) }, DeleteFunc: changed,
	})
	return made
}

func (r *routes) read(lister cache.GenericLister) {
	all, _ := lister.List(labels.Everything())
	slices.SortFunc(all, func(a, b runtime.Object) int { return strings.Compare(name(a), name(b)) })
	found := []route{}
	for _, one := range all {
		read, err := parsed(one.(*unstructured.Unstructured).Object["spec"])
		if err != nil {
			log.Printf("VirtualService %s is not served: %v", name(one), err)
			continue
		}
		found = append(found, read...)
	}
	log.Printf("%d routes", len(found))
	r.table.Store(&found)
}

func name(object runtime.Object) string {
	one := object.(*unstructured.Unstructured)
	return one.GetNamespace() + "/" + one.GetName()
}

func parsed(spec any) ([]route, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	var read virtualService
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil {
		return nil, err
	}
	if !slices.Equal(read.Hosts, []string{"*"}) {
		return nil, fmt.Errorf("hosts %v: only * is served", read.Hosts)
	}
	for at := range read.HTTP {
		if err := read.HTTP[at].prepare(); err != nil {
			return nil, fmt.Errorf("route %s: %w", read.HTTP[at].Name, err)
		}
	}
	return read.HTTP, nil
}

func (r *route) prepare() error {
	if len(r.Route) != 1 {
		return fmt.Errorf("%d destinations: only one is served", len(r.Route))
	}
	if r.Retries.Attempts != 0 {
		return fmt.Errorf("retries are not done")
	}
	var texts []*stringMatch
	for _, one := range r.Match {
		texts = append(texts, one.URI, one.Method)
		for _, header := range one.Headers {
			texts = append(texts, header)
		}
	}
	if r.CORS != nil {
		for at := range r.CORS.AllowOrigins {
			texts = append(texts, &r.CORS.AllowOrigins[at])
		}
	}
	for _, one := range texts {
		if one == nil || one.Regex == nil {
			continue
		}
		whole, err := regexp.Compile(`^(?s:` + *one.Regex + `)$`)
		if err != nil {
			return err
		}
		one.whole = whole
	}
	return nil
}

// find is the first route that fits, and which of its alternatives did.
func (r *routes) find(method, path string, headers http.Header) (*route, *match) {
	table := *r.table.Load()
	for at := range table {
		one := &table[at]
		if len(one.Match) == 0 {
			return one, &match{}
		}
		for alternative := range one.Match {
			if one.Match[alternative].fits(method, path, headers) {
				return one, &one.Match[alternative]
			}
		}
	}
	return nil, nil
}

func (m *match) fits(method, path string, headers http.Header) bool {
	if m.Method != nil && !m.Method.matches(method) || m.URI != nil && !m.URI.matches(path) {
		return false
	}
	for name, wanted := range m.Headers {
		values := headers.Values(name)
		if len(values) == 0 || !wanted.matches(strings.Join(values, ",")) {
			return false
		}
	}
	return true
}

// matches: no condition at all means that the thing is there.
func (s *stringMatch) matches(text string) bool {
	switch {
	case s == nil:
		return true
	case s.Exact != nil:
		return text == *s.Exact
	case s.Prefix != nil:
		return strings.HasPrefix(text, *s.Prefix)
	case s.whole != nil:
		return s.whole.MatchString(text)
	}
	return true
}

// rewritten: rewrite.uri takes the place of what was matched, all of the path or its prefix.
func (r *route) rewritten(path string, by *match) string {
	if r.Rewrite.URI == "" {
		return path
	}
	if by.URI != nil && by.URI.Prefix != nil {
		return r.Rewrite.URI + strings.TrimPrefix(path, *by.URI.Prefix)
	}
	return r.Rewrite.URI
}

func (r *route) host() string {
	if r.Rewrite.Authority != "" {
		return r.Rewrite.Authority
	}
	return r.Route[0].Destination.Host
}

func (c *headerChange) apply(headers http.Header) {
	for _, name := range c.Remove {
		headers.Del(name)
	}
	for name, value := range c.Set {
		headers.Set(name, value)
	}
	for name, value := range c.Add {
		headers.Add(name, value)
	}
}

// corsPolicy is answered as Envoy's CORS filter does it.
type corsPolicy struct {
	AllowOrigins     []stringMatch   `json:"allowOrigins"`
	AllowMethods     []string        `json:"allowMethods"`
	AllowHeaders     []string        `json:"allowHeaders"`
	ExposeHeaders    []string        `json:"exposeHeaders"`
	MaxAge           metav1.Duration `json:"maxAge"`
	AllowCredentials bool            `json:"allowCredentials"`
}

func isPreflight(request *http.Request) bool {
	return request.Method == http.MethodOptions && request.Header.Get("Origin") != "" &&
		request.Header.Get("Access-Control-Request-Method") != ""
}

func (c *corsPolicy) allows(origin string) bool {
	return c != nil && origin != "" && slices.ContainsFunc(c.AllowOrigins, func(one stringMatch) bool { return one.matches(origin) })
}

// preflight answers a browser that asks before it sends; an origin that is not allowed gets no header.
func (c *corsPolicy) preflight(origin string, answer http.Header) {
	if !c.allows(origin) {
		return
	}
	c.expose(origin, answer)
	set := func(name string, values []string) {
		if len(values) > 0 {
			answer.Set(name, strings.Join(values, ","))
		}
	}
	set("Access-Control-Allow-Methods", c.AllowMethods)
	set("Access-Control-Allow-Headers", c.AllowHeaders)
	if c.MaxAge.Duration > 0 {
		answer.Set("Access-Control-Max-Age", fmt.Sprint(int(c.MaxAge.Duration/time.Second)))
	}
}

func (c *corsPolicy) expose(origin string, answer http.Header) {
	if !c.allows(origin) {
		return
	}
	answer.Set("Access-Control-Allow-Origin", origin)
	answer.Add("Vary", "Origin")
	if c.AllowCredentials {
		answer.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.ExposeHeaders) > 0 {
		answer.Set("Access-Control-Expose-Headers", strings.Join(c.ExposeHeaders, ","))
	}
}
