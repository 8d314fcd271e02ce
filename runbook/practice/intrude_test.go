package practice

func intrude([]string) int { return 2 }
