"""The client contract: what a client of getimg.ai does on good days and on bad ones.

`drivers` move a client, `adversary` answers it as a conformant but unkind server would, `cases` say
what is tried, `checks` judge the histories that come of it, `running` puts these together.
"""
