// Gives a header-only module a translation unit.
