--- What test_lanes.c runs on the threads of a node.
local lares = require "lares"

local Counter = lares.daemon "counter"
local seen = 0 -- of this state: a rebuilt daemon has another one

function Counter:init() self.n = 0 end

function Counter:process(event)
    self.n, seen = self.n + 1, seen + 1
    if event.data == "bad" then error "bad line" end
    return tostring(self.n)
end

function Counter:snapshot() return string.pack("<I8", self.n) end

function Counter:restore(state)
    assert(seen == 0)
    self.n = string.unpack("<I8", state)
end

local passes = 0

return {
    Counter,
    lares.handler("heal", function()
        passes = passes + 1
        return passes
    end),
    lares.handler("once", function()
        passes = passes + 1
        if passes > 1 then error "no more" end
    end),
}
