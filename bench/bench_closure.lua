-- Daemons in one Lua state, which are closures: row 14. The protocol is that
-- of bench.h.
local lares = require "lares"

local BURST = 64

local Idle = lares.daemon "idle"
function Idle:process(event) return event.data end

local node = assert(lares.node "bench")
assert(node:register(Idle))

local seeds = 0

local function key()
    seeds = seeds + 1
    return assert(lares.key(string.pack("<I8I8I8I8", seeds, 0, 0, 0)))
end

local function keys(count)
    local made = {}
    for i = 1, count do made[i] = {identity = key()} end
    return made
end

-- Processor time in ns; bytes that are resident.
local function now() return os.clock() * 1e9 end

local function resident()
    local file <close> = assert(io.open "/proc/self/statm")
    return select(2, file:read("n", "n")) * 4096
end

local function spawn(options)
    return assert(node:spawn("idle", options))
end

local variants = {}

-- An identity lives once in a node: making new ones is not counted.
variants["spawn"] = function(count)
    local spent = 0
    for _ = 1, count / BURST do
        local all, daemons = keys(BURST), {}
        local start = now()
        for i = 1, BURST do daemons[i] = spawn(all[i]) end
        spent = spent + now() - start
        for i = 1, BURST do assert(daemons[i]:stop(0)) end
    end
    return spent
end

variants["idle daemons"] = function(count)
    local all = keys(count)
    collectgarbage()
    local before = resident()
    for i = 1, count do spawn(all[i]) end
    return resident() - before
end

for line in io.lines() do
    local count, name = line:match "^(%d+) (.*)$"
    local living = #node:report "daemons"
    local spent = variants[name](math.tointeger(count))
    assert(#node:report "daemons" == living + (name == "spawn" and 0 or count))
    print(string.format("%d", spent // 1))
    io.flush()
end
