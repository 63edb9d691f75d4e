package runtimes

import (
	"path"
	"path/filepath"

	"quirl/container"
)

// Images is the offer of a machine whose containers are made from images: all
// kinds. A kind with a stock image is run by our own server in it, any other by the
// image that the manifest names, as it is.
func (m *Manifest) Images() *Offer { return &Offer{Manifest: m, images: true} }

// Own says that a kind is run by our own server, which can do more than the
// runtime contract asks for.
func (o *Offer) Own(kind string) bool {
	r, err := o.Manifest.Resolve(kind)
	if err != nil {
		return false
	}
	_, found := o.interpreters[r.Kind]
	return found || o.images && r.stock() != nil
}

// Compiler stands for all that the result of compiling an action of a kind depends on:
// the tool chain, and the runtime's files in the folder that Extract returned. It is
// empty where nothing is compiled. jars says that archives may have to stay archives.
func (o *Offer) Compiler(kind, files string) (compiler string, jars bool) {
	r, err := o.Manifest.Resolve(kind)
	if err != nil || r.Local == nil || r.Local.Loop == nil || len(r.Local.Loop.Compiler) == 0 {
		return "", false
	}
	chain := r.Image.String()
	if i, ok := o.interpreters[r.Kind]; ok {
		chain = i.Path + " " + i.Version
	} else if stock := r.stock(); stock != nil {
		chain = stock.Image
	}
	return chain + " " + filepath.Base(files), r.Local.Loop.Jar != ""
}

func (r *Runtime) stock() *Stock {
	if r.Local == nil {
		return nil
	}
	return r.Local.Stock
}

// imageSpec is Spec for a container that is made from an image.
func imageSpec(r *Runtime, files string, env []string) container.Spec {
	stock := r.stock()
	if stock == nil {
		return container.Spec{Kind: r.Kind, Image: r.Image.String(), Env: env}
	}
	bin := ""
	if path.IsAbs(stock.Program) {
		bin = path.Dir(stock.Program)
	}
	return container.Spec{
		Kind:    r.Kind,
		Image:   stock.Image,
		Command: r.Local.command(stock.Program),
		Env:     append(environment(bin), env...),
		Mounts:  r.Local.mounts(files),
	}
}

// PullRule says when a blackbox action's image is fetched: for each container when
// its tag moves, if it can be had when there may be a newer one, and once when it
// cannot change or is one that the operator named.
func (m *Manifest) PullRule(image Image) container.Pull {
	switch {
	case m.IsBlackbox(image), image.Digest != "":
		return container.PullMissing
	case image.IsLatest():
		return container.PullAlways
	}
	return container.PullIfPossible
}
