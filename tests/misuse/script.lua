--- The subject of the column "script": counts, and then does what its input
-- says.
local lares = require "lares"

local Subject = lares.daemon "subject"

local ways = {}

function ways.raise() error "naïve" end

function ways.raise_table() error {} end

function ways.recurse()
    local function forever() return 1 + forever() end
    return forever()
end

function ways.yield() coroutine.yield() end

function ways.number() return 0 end

function ways.many()
    local many = {}
    for i = 1, 1000000 do many[i] = "x" end
    return many
end

function ways.large() return ("x"):rep(1 << 26) end

function Subject:init()
    if self.argument == "init" then error "no start" end
    self.n = 0
end

function Subject:process(event)
    self.n = self.n + 1
    self:emit(tostring(self.n))
    if event.replay or not ways[event.data] then return nil end
    return ways[event.data]()
end

function Subject:snapshot()
    if self.argument == "snapshot" then error "no state" end
    return string.pack("<I8", self.n)
end

function Subject:restore(state)
    if self.argument == "restore" then error "no return" end
    self.n = string.unpack("<I8", state)
end

return Subject
