local lares = require "lares"
local check = require "check"

check.test("a world is its seed", function()
    local function origins(seed)
        local world = lares.world(seed)
        local node = world:node "east"
        node:register(check.class("echo", function() end))
        return lares.hex(node:spawn("echo").origin)
            .. lares.hex(node:spawn("echo").origin)
    end
    check.equal(origins(7), origins(7))
    check.equal(origins(7) ~= origins(8), true)
end)

check.test("a bad line costs 50 virtual milliseconds, then a letter",
    function()
        local world = lares.world(1)
        local node = world:node "east"
        local seen = {}
        node:register(check.class("picky", function(_, event)
            if event.data == "bad" then error "no" end
            seen[#seen + 1] = event.data
        end))
        node:spawn("picky", {subscribe = {"ticks"}})
        node:publish("ticks", "bad")
        node:publish("ticks", "good")
        check.equal(world:run(0.04), true)
        check.equal(#seen, 0)
        world:run(0.02)
        check.equal(seen[1], "good")
        local letter = node:report("letters")[1]
        check.equal(letter.reason, "FAILED")
        check.contains(letter.text, "no")
    end)

check.test("run_idle does what is ready", function()
    local world = lares.world(2)
    local node = world:node "east"
    local seen = 0
    node:register(check.class("count", function() seen = seen + 1 end))
    node:spawn("count", {subscribe = {"ticks"}})
    node:publish("ticks", "x")
    world:run_idle()
    check.equal(seen, 1)
end)

check.test("a world checks its arguments", function()
    check.raises("number expected", lares.world)
    local world = lares.world(3)
    check.raises("number expected", world.run, world)
    check.raises("must not be negative", world.run, world, -1)
    world:node "east"
    check.answers("EEXIST", world:node "east")
    check.raises("ENAME", world.node, world, "No")
end)

check.test("a node outlives the handle of its world", function()
    local node = lares.world(4):node "east"
    collectgarbage()
    node:register(check.class("echo", function(_, e) return e.data end))
    check.equal(node:spawn("echo"):deliver("x")[1].data, "x")
    check.equal(node:close(), true)
end)

return check.run()
