--- How programs in Lua end, with live daemons and traffic. exits.py runs each
-- way many times.
--
--     exits.lua --list       ways, and their exit status
--     exits.lua WAY          ends that way
local lares = require "lares"

local ways = {}

local function way(name, status, play)
    ways[#ways + 1] = {name = name, status = status, play = play}
end

-- A program amid its work ----------------------------------------------------

local Echo = lares.daemon "echo"

function Echo:process(event) return event.data end

local Quitter = lares.daemon "quitter"

function Quitter:process(event)
    os.exit(3, event.data == "close")
end

local node, inbox

local function work()
    node = assert(lares.node "east")
    node:register(Echo)
    node:register(Quitter)
    assert(node:spawn("echo", {subscribe = {"in"}, publish = "out"}))
    inbox = assert(node:subscribe "out")
    for _ = 1, 100 do assert(node:publish("in", "x")) end
    assert(inbox:next(8))
    for _ = 1, 100 do assert(node:publish("in", "x")) end
end

-- Ways -----------------------------------------------------------------------

way("end", 0, function() end)

way("stopped before", 0, function() assert(node:close()) end)

way("os.exit", 4, function() os.exit(4) end)

way("os.exit, the state closed", 4, function() os.exit(4, true) end)

way("os.exit in a callback", 3, function()
    node:spawn("quitter"):deliver "x"
end)

way("os.exit in a callback, the state closed", 3, function()
    node:spawn("quitter"):deliver "close"
end)

way("os.exit in a handler", 5, function()
    node.recovery:register(function() os.exit(5) end)
    node.recovery:run()
end)

way("an error", "1 lost", function() error("lost", 0) end)

-- The program ----------------------------------------------------------------

for _, one in ipairs(ways) do
    if arg[1] == "--list" then print(one.name .. ": " .. one.status) end
    if arg[1] == one.name then
        work()
        one.play()
    end
end
