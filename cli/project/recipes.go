package project

// recipes are the languages whose projects can be built.
var recipes = []Recipe{
	{
		Family: "nodejs", Manifests: []string{"package.json"}, Sources: []string{"index.js"},
		Entries: []string{"package.json", "index.js"}, plan: planNode,
	},
	{
		Family: "python", Manifests: []string{"requirements.txt"}, Sources: []string{"__main__.py", "main.py"},
		Entries: []string{"__main__.py", "main.py", "main__/__init__.py", "exec"}, plan: planPython,
	},
	{Family: "go", Manifests: []string{"go.mod"}, Sources: []string{"main.go"}, plan: planGo},
	{Family: "java", Manifests: []string{"pom.xml"}, plan: planJava},
	{
		Family: "php", Manifests: []string{"composer.json"}, Sources: []string{"index.php"},
		Entries: []string{"index.php"}, plan: planPHP,
	},
	{
		Family: "ruby", Manifests: []string{"Gemfile"}, Sources: []string{"main.rb"},
		Entries: []string{"main.rb", "exec"}, plan: planRuby,
	},
	{Family: "rust", Manifests: []string{"Cargo.toml"}, plan: planRust},
	// The last one: a program beside sources is not what tells the language.
	{Family: Native, Sources: []string{"exec"}, Entries: []string{"exec"}},
}
