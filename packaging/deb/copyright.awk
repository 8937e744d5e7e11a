# Makes Debian's copyright file from LICENSE, so that the text stands in one place.
BEGIN {
    print "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
    print "Upstream-Name: provision-sim\n\nFiles: *"
}
/^Copyright/ && !held { sub(/^Copyright \(c\) /, ""); print "Copyright: " $0 "\nLicense: Expat"; held = 1; getline; next }
held { print ($0 == "" ? " ." : " " $0) }
