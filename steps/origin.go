package steps

// Where a variable of a service's environment comes from. The first five keep
// its value out of what everybody may read; the others do not.
const (
	FromSecret     = "secret"     // a Kubernetes secret
	FromMount      = "mount"      // a file that is mounted: a secret of Docker, a CSI volume, what Vault's agent writes
	FromVault      = "vault"      // a reference that is resolved when the service starts
	FromSops       = "sops"       // a value that is encrypted where it lies
	FromFile       = "file"       // an environment file that only its owner reads, and git does not know
	FromOpenFile   = "open file"  // one that others may read
	FromRepository = "repository" // one that git tracks
	FromConfigMap  = "config map" // readable by whoever reads the deployment
	FromLiteral    = "literal"    // written where the service is described
	FromImage      = "image"      // the image itself sets it
	FromPod        = "pod"        // a field of the pod
	FromContainer  = "container"  // it was started with it, and does not know from where
)

// Origin is where a variable comes from, never its value.
type Origin struct {
	From  string // one of the above
	Where string // in words: "secret db", "file /srv/app/.env"
}
