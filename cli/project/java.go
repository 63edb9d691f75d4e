package project

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	depends = regexp.MustCompile(`<dependency>`)
	// bundles says that the project itself puts its dependencies into its jar.
	bundles = regexp.MustCompile(`maven-(shade|assembly)-plugin|spring-boot-maven-plugin`)
)

// Maven keeps what it fetches in a folder of its own.
func planJava(s *source) (*plan, error) {
	text, err := s.text("pom.xml")
	if err != nil || text == "" {
		return &plan{}, err
	}
	args := []string{"-q", "-B", "package"}
	if depends.MatchString(text) && !bundles.MatchString(text) {
		args = append(args, "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=target/dependency")
	}
	return &plan{Build: []Step{{Tool: maven, Args: args}}, Jar: chooseJar}, nil
}

// aside are jars that are made beside the result.
var aside = regexp.MustCompile(`^original-|-(sources|javadoc|tests|test-sources)\.jar$`)

// complete are jars with all that they depend on, made beside one without.
var complete = regexp.MustCompile(`-(jar-with-dependencies|shaded|fat|uber|all)\.jar$`)

// chooseJar finds the jar that Maven made. When there are jars that it depends on, all are
// for a zip, in its folder lib.
func chooseJar(files []file) (jar *file, zip []file, err error) {
	var made []file
	for _, f := range files {
		folder, name := path.Split(f.name)
		switch {
		case path.Ext(name) != ".jar":
		case folder == "target/dependency/":
			zip = append(zip, file{"lib/" + name, f.path, false})
		case folder == "target/" && !aside.MatchString(name):
			made = append(made, f)
		}
	}
	if i := slices.IndexFunc(made, func(f file) bool { return complete.MatchString(f.name) }); i >= 0 {
		return &made[i], nil, nil
	}
	if len(made) != 1 {
		names := make([]string, len(made))
		for i, f := range made {
			names[i] = f.name
		}
		return nil, nil, fmt.Errorf("the build must make one jar in the folder target, it made %d %s", len(made), strings.Join(names, ", "))
	}
	if len(zip) > 0 {
		zip = append(zip, file{"lib/" + path.Base(made[0].name), made[0].path, false})
	}
	return &made[0], zip, nil
}
