// tfjs-node's addon is compiled from two sources; the other one says how.
